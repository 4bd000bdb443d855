{#- The files speak feet, miles and Fahrenheit; everything from staging on is metric. -#}

{% macro celsius(fahrenheit) -%}
  round(({{ fahrenheit }} - 32) * 5 / 9, 1)
{%- endmacro %}

{% macro kilometres(miles, digits=1) -%}
  round({{ miles }} * 1.609344, {{ digits }})
{%- endmacro %}

{#- A clock time as the files write it (517 is 05:17, 2400 is the end of the day), on a day. -#}
{% macro at_clock(day, hhmm) -%}
  {{ day }} + to_minutes({{ hhmm }} // 100 * 60 + {{ hhmm }} % 100)
{%- endmacro %}
