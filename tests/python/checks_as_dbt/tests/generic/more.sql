{% test named(model, column_name, words=none, more={}) %}
select '{{ model.identifier }}' as name, '{{ model.schema }}' as place, {{ column_name }}
from {{ model }}
where {{ column_name }} is not null
    {% if words %} and {{ column_name }} not in ({{ words | join(', ') }}){% endif %}
    {% for key, value in more.items() %} and {{ key }} <> {{ value }} {% endfor %}
{% endtest %}

{% test is_one(model, column_name) %}
select * from {{ model }} where {{ column_name }} = 1
{% endtest %}

{% test counted(model, column_name) %}
{{ config(error_if='>1', warn_if='>0') }}
with a as (select * from {{ model }}), b as (select {{ column_name }} as x from a)
select x, count(*) as n from b group by 1 order by 2 desc
{% endtest %}
