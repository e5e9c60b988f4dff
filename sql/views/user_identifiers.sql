select
    user_id as userid,
    email
from org_user_identifiers
