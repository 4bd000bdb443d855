{% test positive(model, column_name, above=0) %}
select * from {{ model }} where {{ column_name }} <= {{ above }}
{% endtest %}
