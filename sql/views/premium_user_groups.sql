-- A member without agents shows the logins of the settings, and one without any of them NULL.
with
users as (select * from org_users),

groups as (
    select * from org_user_groups
    where valid_from <= setting('as_of_date') and setting('as_of_date') < valid_to
),

logins as (
    select distinct
        user_id as login_user_id,
        user_name as system_user_name
    from org_user_login_names
)

select
    setting('account.id') as account_id,
    groups.group_id,
    groups.group_name,
    groups.is_primary as is_primary_group,
    logins.system_user_name,
    groups.type,
    users.display_name as user_alias,
    users.uid as user_id,
    users.user_name
from users
inner join groups on users.uid = groups.user_id
left join logins on users.uid = logins.login_user_id
