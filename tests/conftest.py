from hypothesis import settings

# Two busy cores make single examples slow now and then; a deadline would only add noise.
settings.register_profile("rfcore", deadline=None)
settings.load_profile("rfcore")
