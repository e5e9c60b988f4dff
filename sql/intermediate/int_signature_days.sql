-- How long a person was on which network, by day.
with
activities as (
    select
        user_id,
        local_date,
        network_id,
        public_ip,
        counted_sec
    from int_activities
    where network_id is not null or public_ip is not null
),

final as (
    select
        user_id,
        network_id,
        public_ip,
        sum(counted_sec) as seconds,
        local_date
    from activities
    group by user_id, local_date, network_id, public_ip
)

select * from final
