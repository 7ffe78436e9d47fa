package monitor

var NotesIn = notesIn
