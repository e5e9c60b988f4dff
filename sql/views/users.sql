with
agents as (
    select
        user_id,
        array_agg(
            named_struct(
                'agent_id', agent_id, 'logon_name', logon_domain, 'user_name', user_name
            ) order by agent_id
        ) as agents
    from org_agents
    group by user_id
),

users as (select * from org_users)

select
    coalesce(agents.agents, users.no_agents) as agents,
    users.device_logins,
    users.display_name,
    users.emails,
    users.employee_ids,
    users.tracked,
    users.uid,
    users.user_principal_names
from users
left join agents on users.uid = agents.user_id
