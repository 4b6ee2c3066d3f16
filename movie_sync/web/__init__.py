"""The page: every film at a glance, and what commands do, by a click. A process of its own."""
