-- The event of the log since which a device's supported model may be another one than the stored one; NULL where it
-- has been asked for since.

ALTER TABLE devices ADD COLUMN model_doubt INTEGER;
