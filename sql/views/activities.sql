with
activities as (select * from int_activities),

applications as (
    select
        application_id,
        application_or_site
    from stg_applications
)

select
    activities.user_id,
    activities.agent_id,
    activities.event_id,
    activities.local_date,
    activities.start,
    activities.counted_sec,
    activities.state,
    applications.application_or_site as task,
    activities.category,
    activities.productivity
from applications
right join activities on applications.application_id = activities.application_id
