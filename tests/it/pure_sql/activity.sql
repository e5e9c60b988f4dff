-- What the pure form reads; benches/peers/datafusion_analysis.py makes the same of files.
create view activity as
select
    local_date,
    user_id,
    arrow_cast(start, 'Int64') / 1000000 as s,
    counted_sec as c,
    state = 'Active' as act,
    task,
    screen as scr,
    productivity = 'Productive' as p,
    productivity = 'Unproductive' as u,
    collaboration as k
from given
