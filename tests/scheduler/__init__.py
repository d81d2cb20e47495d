"""The scheduler on a virtual clock: what runs beside what, exactly."""
