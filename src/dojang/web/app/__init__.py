"""The installable app at ``/app/``: the same journeys on a telephone, with keys that live in the device."""
