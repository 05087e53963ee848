"""National code tables as data with source and version: types, classes, formats, specialties, facilities, professions."""
