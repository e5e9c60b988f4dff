with
users as (
    select
        uid,
        display_name
    from org_users
),

events as (select * from int_shown_events),

classified as (
    select
        events.*,
        classes.executable,
        classes.site,
        classes.application,
        classes.application_or_site,
        classes.browser_site,
        classes.activity_type,
        classes.category,
        classes.productivity
    from int_application_classes as classes
    right join events
        on
            classes.application_id = events.application_id
            and classes.rule_set = rule_set(events.user_id, events.local_date)
),

timed as (
    select
        classified.*,
        users.display_name,
        to_local(classified.start, setting('account.timezone')) as account_datetime
    from users
    right join classified on users.uid = classified.user_id
),

final as (
    select
        setting('account.id') as accountid,
        account_datetime,
        state_name(state_rank) as active_state,
        activity_type,
        week_start(local_date, setting('account.week_start')) as activity_week,
        alarm_action,
        cast(coalesce(alarm_action like '%Email%', false) as bigint) as alarm_email_action,
        alarm_name,
        cast(coalesce(alarm_action like '%Popup%', false) as bigint) as alarm_popup_action,
        cast(coalesce(alarm_action like '%Screenshot%', false) as bigint)
            as alarm_screenshot_action,
        cast(coalesce(alarm_action like '%Terminate%', false) as bigint)
            as alarm_terminate_action,
        cast(coalesce(alarm_action like '%Webhook%', false) as bigint) as alarm_webhook_action,
        cast(alarm_name is not null as bigint) as alarms_triggered,
        case
            when category is null or productivity = 'Undefined' then 'Unapproved'
            else 'Approved'
        end as app_site_approval_status,
        application,
        application_or_site,
        browser_site,
        category,
        clean_url,
        computer_id,
        computer_name,
        '1' as dataset_version,
        day_name(local_date) as day_of_week,
        case
            when array_has(setting('account.weekend_days'), day_name(local_date)) then 'Weekend'
            else 'Weekday'
        end as day_type,
        device_ip,
        duration_sec,
        executable,
        full_url,
        local_date,
        local_datetime,
        arrow_cast(local_datetime, 'Time64(µs)') as local_time,
        logon_domain,
        case
            when date_part('hour', local_datetime) < 6 then 'Night'
            when date_part('hour', local_datetime) < 12 then 'Morning'
            when date_part('hour', local_datetime) < 18 then 'Afternoon'
            else 'Evening'
        end as period_of_day,
        potential_file_transfer,
        primary_domain,
        productivity,
        case
            when state_rank < 2 then concat(productivity, ' ', state_name(state_rank))
        end as productivity_state,
        public_ip,
        search_term,
        site,
        setting('account.timezoneid') as timezoneid,
        reporting_zone(user_id, start) as timezonestring,
        titlebar,
        "user",
        display_name as user_alias,
        user_id,
        user_name,
        user_name as username,
        start as utc_timestamp,
        week_of_year(local_date, setting('account.week_start')) as week_of_year
    from timed
)

select * from final
