"""`rota import`: what exists already, or ecschedule's file, as a schedule file; nothing is left out unsaid."""
