{% test one_of(model, column_name, allowed) %}
select {{ column_name }} from {{ model }} where {{ column_name }} not in ({% for a in allowed %}'{{ a }}'{% if not loop.last %}, {% endif %}{% endfor %})
{% endtest %}
