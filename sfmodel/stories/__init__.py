"""Stories: which step of a cascade began when, and at which service, found by comparing a run with its pair."""

from sfmodel.stories.story import Stories, Story, StoryStep, read_stories
from sfmodel.stories.telling import Telling, Told, found_in_order, tell, teller

__all__ = ["Stories", "Story", "StoryStep", "Telling", "Told", "found_in_order", "read_stories", "tell", "teller"]
