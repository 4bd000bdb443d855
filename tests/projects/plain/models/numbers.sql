select range as id, range % 3 as k from range(10)
