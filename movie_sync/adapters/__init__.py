"""The outside world: each module talks to one service and translates its errors."""
