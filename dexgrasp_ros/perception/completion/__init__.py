"""The hidden side of an object, guessed from the seen one."""
