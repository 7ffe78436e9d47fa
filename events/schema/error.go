package schema

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Error is the first thing found wrong with an event, in the order of its bytes.
type Error struct {
	Path    string // where: "data.actor.kind", "data.assets[3]"; empty for the event itself
	Keyword string // the JSON Schema keyword that is not satisfied; empty where the bytes are no JSON
	Message string // for people
}

func (e *Error) Error() string {
	if e.Path == "" {
		return e.Message
	}
	return e.Path + ": " + e.Message
}

func fail(keyword, message string) *Error { return &Error{Keyword: keyword, Message: message} }

func unknownType(eventType string) *Error {
	return &Error{Path: "type", Message: quote([]byte(eventType)) + " has no schema in this rule set"}
}

// within puts the error under a property.
func (e *Error) within(name string) *Error {
	if e.Path == "" || e.Path[0] == '[' {
		e.Path = name + e.Path
	} else {
		e.Path = name + "." + e.Path
	}
	return e
}

// at puts the error under an item of an array.
func (e *Error) at(index int) *Error {
	return e.within("[" + strconv.Itoa(index) + "]")
}

// maxQuoted bounds what an error repeats of a value that a stranger wrote.
const maxQuoted = 40

func clip(s []byte) string {
	if len(s) <= maxQuoted {
		return string(s)
	}
	n := maxQuoted
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return string(s[:n]) + "…"
}

func quote(s []byte) string { return strconv.Quote(clip(s)) }

// pathName is a property's name as paths show it.
func pathName(name []byte) string {
	q := quote(name)
	if plain := q[1 : len(q)-1]; plain == clip(name) && !strings.ContainsAny(plain, ". []:") && plain != "" {
		return plain
	}
	return q
}
