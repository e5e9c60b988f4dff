-- The analysis of a day counts every activity once, whole.
with
activities as (
    select
        user_id,
        local_date,
        sum(counted_sec) as seconds,
        count(*) as activities
    from int_activities
    group by user_id, local_date
),

analysed as (
    select
        user_id,
        local_date,
        total_duration_seconds,
        total_activity_count
    from int_analysed_days
)

select
    coalesce(activities.user_id, analysed.user_id) as user_id,
    coalesce(activities.local_date, analysed.local_date) as local_date,
    activities.seconds,
    analysed.total_duration_seconds,
    activities.activities,
    analysed.total_activity_count
from activities
full join analysed
    on activities.user_id = analysed.user_id and activities.local_date = analysed.local_date
where
    (activities.seconds is distinct from analysed.total_duration_seconds)
    or (activities.activities is distinct from analysed.total_activity_count)
