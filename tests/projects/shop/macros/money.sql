{% macro cents(column, digits=0) %}round({{ column }} * 100, {{ digits }})::bigint{% endmacro %}
