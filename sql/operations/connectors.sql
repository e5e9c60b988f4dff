-- The latest sync of every calendar instance of the settings.
with
instances as (
    select
        instance,
        type
    from org_integrations
),

numbered as (
    select
        *,
        row_number() over (
            partition by instance order by started_at desc, sequence desc
        ) as back
    from raw_calendar_syncs
),

latest as (select * from numbered where back = 1),

successes as (
    select
        instance as successful_instance,
        max(succeeded_at) as last_success
    from raw_calendar_syncs
    group by instance
),

final as (
    select
        instances.instance,
        instances.type,
        coalesce(latest.state, 'never_synced') as state,
        latest.message,
        latest.directory,
        latest.matched,
        latest.unmatched,
        latest.ambiguous,
        latest.read,
        latest.failed,
        latest.added,
        latest.changed,
        latest.removed,
        latest.rejected,
        latest.requests,
        latest.throttled,
        latest.started_at,
        latest.finished_at,
        successes.last_success as succeeded_at,
        (
            arrow_cast(setting('as_of'), 'Int64') - arrow_cast(successes.last_success, 'Int64')
        ) / 1000000 as lag_seconds,
        latest.next_run
    from instances
    left join latest on instances.instance = latest.instance
    left join successes on instances.instance = successes.successful_instance
)

select * from final
