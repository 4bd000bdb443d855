from dovetail import asset


@asset
def sums(numbers):
    return numbers.aggregate("k, sum(id)::bigint as total", "k")
