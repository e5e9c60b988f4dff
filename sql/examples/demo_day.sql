with
busiest as (
    select user_id, local_date
    from daily_user_summary
    where day_type = 'Weekday'
    order by total_activity_count desc, user_id, local_date
    limit 1
)

select
    used.user_name,
    used.local_date,
    used.app_or_site_consolidated_name as used,
    used.category,
    used.productivity,
    sum(used.duration_seconds) / 60 as minutes,
    sum(used.activity_count) as activities
from daily_application_summary as used
inner join busiest on used.user_id = busiest.user_id and used.local_date = busiest.local_date
group by 1, 2, 3, 4, 5
order by minutes desc, used
limit 12
