select * from raw_loads
