"""A package in the place of `anyon`, whose agent only starts programs: as small as the runtime's contract allows."""
