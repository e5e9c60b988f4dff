select * from raw_rejects
