"""`rota import`: EventBridge rules that exist, or ecschedule's file, as a schedule file; nothing is left out unsaid."""
