"""What the board starts: the program, unless a technician asked for the prompt."""

from firmware import hardware, main

if not hardware.wanted_for_service():
    main.start(hardware.Board())
