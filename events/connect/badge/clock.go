package badge

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

const (
	epochSeconds = "epoch"
	epochMillis  = "epoch-ms"
)

// tokens are the parts of a layout and what Go writes for them, the longest
// first. Hours of twelve want an A, which is AM or PM.
var tokens = []struct{ token, layout string }{
	{"YYYY", "2006"}, {"MMM", "Jan"}, {"SSS", "000"}, {"YY", "06"}, {"MM", "01"}, {"DD", "02"}, {"HH", "15"}, {"hh", "03"}, {"mm", "04"},
	{"ss", "05"}, {"M", "1"}, {"D", "2"}, {"H", "15"}, {"h", "3"}, {"m", "4"}, {"s", "5"}, {"A", "PM"}, {"Z", "Z07:00"},
}

// goLayout turns a layout into Go's. zoned says that times have their own offset.
func goLayout(layout string) (out string, zoned bool, err error) {
	if layout == epochSeconds || layout == epochMillis {
		return layout, true, nil
	}
	found := map[string]bool{}
parts:
	for rest := layout; rest != ""; {
		for _, t := range tokens {
			if after, ok := strings.CutPrefix(rest, t.token); ok {
				out, rest, found[t.layout] = out+t.layout, after, true
				continue parts
			}
		}
		if c := rest[0]; !strings.ContainsRune("/-.:, T", rune(c)) {
			return "", false, fmt.Errorf("%q is no part of a layout: want YYYY, MM, DD, HH or hh with A, mm, ss, SSS, Z and what stands between them", string(c))
		}
		out, rest = out+rest[:1], rest[1:]
	}
	twelve := found["03"] || found["3"]
	switch {
	case !found["2006"] && !found["06"], !found["01"] && !found["1"] && !found["Jan"], !found["02"] && !found["2"]:
		return "", false, errors.New("want a year, a month and a day")
	case twelve == found["15"], !found["04"] && !found["4"]:
		return "", false, errors.New("want hours, HH or hh, and minutes")
	case twelve != found["PM"]:
		return "", false, errors.New("hours of twelve (hh) and A belong together")
	}
	return out, found["Z07:00"], nil
}

// at reads a time. zone is that of the site, and nil if it isn't known. repeated
// says that the time comes twice there, as clocks go back.
func (m *Mapping) at(text string, zone *time.Location) (t time.Time, repeated bool, err error) {
	switch m.layout {
	case epochSeconds, epochMillis:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return t, false, errors.New("the time is no whole number")
		}
		if m.layout == epochSeconds {
			t = time.Unix(n, 0)
		} else {
			t = time.UnixMilli(n)
		}
		return inYears(t.UTC(), false)
	}
	wall, err := time.Parse(m.layout, strings.ToUpper(text))
	if err != nil {
		return t, false, fmt.Errorf("the time is not written as %s, or there is no such time", m.Time.Layout)
	}
	if strings.Contains(m.layout, "Z07:00") {
		return inYears(wall.UTC(), false)
	}
	if zone == nil {
		return t, false, errors.New("the time zone is not known: the mapping doesn't name the site, and has no time.zone")
	}
	return m.local(wall, zone)
}

// local returns the time at which a clock on the wall shows wall.
func (m *Mapping) local(wall time.Time, zone *time.Location) (t time.Time, repeated bool, err error) {
	// Clocks change far less often than every day, so that the offsets in force
	// around it are those of the day before and of the day after.
	var found []time.Time
	near := wall.In(zone)
	for _, day := range []time.Duration{-36 * time.Hour, 36 * time.Hour} {
		_, offset := near.Add(day).Zone()
		t := wall.Add(-time.Duration(offset) * time.Second)
		_, there := t.In(zone).Zone()
		if there == offset && (len(found) == 0 || !found[0].Equal(t)) {
			found = append(found, t)
		}
	}
	switch {
	case len(found) == 0:
		return t, false, errors.New("there was no such time: clocks were set forward over it")
	case len(found) == 1:
		return inYears(found[0], false)
	}
	first, last := found[0], found[1]
	if last.Before(first) {
		first, last = last, first
	}
	if m.Time.Repeated == "last" {
		return inYears(last, true)
	}
	return inYears(first, true)
}

func inYears(t time.Time, repeated bool) (time.Time, bool, error) {
	if t.Year() < 1 || t.Year() > 9999 {
		return t, false, errors.New("the time is not in the years 1 to 9999")
	}
	return t.UTC(), repeated, nil
}
