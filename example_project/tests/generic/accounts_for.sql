{#- That a table accounts for all rows of another one, and for none twice: its rows, or the sum of a column that counts
    them, are as many as the rows of `rows_of` that meet the condition. Written once, asked of six tables. -#}
{% test accounts_for(model, rows_of, column_name=none, condition="true") %}
select *
from
  (select coalesce({{ "sum(" ~ column_name ~ ")" if column_name else "count(*)" }}, 0) as accounted_for from {{ model }}),
  (select count(*) as there_are from {{ rows_of }} where {{ condition }})
where accounted_for <> there_are
{% endtest %}
