package cloudtrail

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/saksi-ledger/saksi/events/connect"
)

// eventID derives the id of an event: the first 128 bits, in hex, of the
// SHA-256 of
//
//	aws.cloudtrail <LF> <eventID in lower case>
//
// AWS makes eventID a random UUID, the same wherever the record is delivered,
// so the hash can't be guessed by whoever hasn't seen it, and a record that two
// trails deliver has one id. (Records of one access in two accounts differ in
// their eventID, and stay two events.)
//
// A record without a UUID, which CloudTrail doesn't write, is hashed itself, in
// its canonical form (RFC 8785), so that white space makes no difference:
//
//	aws.cloudtrail.record <LF> <record>
func eventID(nativeID string, record []byte) string {
	var sum [sha256.Size]byte
	if isUUID(nativeID) {
		sum = sha256.Sum256([]byte(System + "\n" + strings.ToLower(nativeID)))
	} else {
		sum = sha256.Sum256(append([]byte(System+".record\n"), connect.Canonical(record)...))
	}
	return hex.EncodeToString(sum[:16])
}

func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return false
			}
		case (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f'):
			return false
		}
	}
	return true
}
