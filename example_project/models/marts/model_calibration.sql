-- Of the flights that the model gave a probability of about 30 %, were 30 % late? On the days that it did not see.
select
  floor(late_probability * 10) / 10 as probability_from,
  count(*) as flights,
  round(avg(late_probability), 3) as predicted,
  round(avg(is_late::integer), 3) as observed
from delay_predictions
join flight_features using (flight_id)
where split = 'test'
group by all
order by all
