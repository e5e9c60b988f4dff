with
agents as (select * from org_agents),

users as (select * from org_users)

select
    users.device_logins,
    users.display_name,
    users.emails,
    users.employee_ids,
    users.tracked,
    users.uid,
    users.user_principal_names,
    agents.agent_id,
    agents.logon_domain as agent_logon_name,
    agents.user_name as agent_user_name
from users
inner join agents on users.uid = agents.user_id
