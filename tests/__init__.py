"""The tests of Daybook. A package, so that no other distribution's ``tests`` shadows this one."""
