package connect

import (
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// looks are kinds of records, and members that only they have all of. The first
// that fits is taken.
var looks = []struct {
	title   string
	members []string
}{
	{"AWS CloudTrail digest file", []string{"digestStartTime", "digestS3Bucket"}},
	{"Alibaba Cloud Inner-ActionTrail", []string{"EventProduct", "EventMethod", "ResourceOwnerID"}},
	{"Alibaba Cloud ActionTrail", []string{"acsRegion", "eventId"}},
	{"Alibaba Cloud ActionTrail", []string{"eventId", "eventRW", "serviceName"}},
	{"S3 event notification", []string{"s3", "eventSource"}},
	{"AWS CloudTrail", []string{"eventVersion", "eventSource", "eventName"}},
	{"Google Cloud log", []string{"logName", "insertId"}},
	{"Google Cloud log", []string{"protoPayload"}},
	{"Azure activity log", []string{"operationName", "resourceId"}},
	{"Teleport audit log", []string{"event", "code", "uid", "time"}},
	{"OCSF event", []string{"class_uid"}},
	{"Saksi event", []string{"specversion", "source", "type", "data"}},
	{"Saksi event", []string{"type", "data"}},
}

// looksLike names the kind of a record, as far as it is known, and returns "" for
// what it doesn't know.
func looksLike(record []byte) string {
	var members map[string]jsontext.Value
	if json.Unmarshal(record, &members) != nil {
		return ""
	}
kinds:
	for _, kind := range looks {
		for _, name := range kind.members {
			if _, ok := members[name]; !ok {
				continue kinds
			}
		}
		return kind.title
	}
	return ""
}

// article puts a or an before a title.
func article(title string) string {
	if strings.ContainsAny(title[:1], "AEIO") {
		return "an " + title
	}
	return "a " + title
}
