{% test fewer(model, other, most) %}
{{ config(severity='warn', fail_calc='sum(n)') }}
select count(*) as n from {{ model }} having count(*) > {{ most }} * (select count(*) from {{ other }})
{% endtest %}
