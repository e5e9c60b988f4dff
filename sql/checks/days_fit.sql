-- Digital and meeting time of a day together are no longer than the day.
with
days as (
    select
        int_user_days.user_id,
        int_user_days.local_date,
        int_user_days.offline_meeting_duration_seconds,
        interval_seconds(int_analysed_days.coverage) as covered,
        interval_seconds(local_day(int_user_days.user_id, int_user_days.local_date)) as length
    from int_user_days
    inner join int_analysed_days
        on
            int_user_days.user_id = int_analysed_days.user_id
            and int_user_days.local_date = int_analysed_days.local_date
)

select *
from days
where offline_meeting_duration_seconds + covered > length
