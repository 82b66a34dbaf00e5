package persistence

import (
	"encoding/binary"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// columns collects the rows of one statement as the arrays its unnest takes, in the
// bytes that will be sent: a value is written once, where it stays, and none of it
// is left to the garbage collector. Boxed and encoded later, a webhook's rows cost
// thirty kilobytes of garbage; a round's arrays are made over by the next one.
type columns struct {
	arrays []array
	rows   int
}

// row adds a row. The first one fixes the types of the columns; a later one of
// other types is a bug of write.go, and panics in its first test. Nothing of the
// values is kept, so that the caller's need no memory of their own.
func (c *columns) row(values ...any) {
	if c.arrays == nil {
		c.arrays = make([]array, len(values))
	}
	if len(values) != len(c.arrays) {
		panic("persistence: a row of " + strconv.Itoa(len(values)) + " in a table of " + strconv.Itoa(len(c.arrays)) + " columns")
	}
	c.rows++
	for i, v := range values {
		a := &c.arrays[i]
		switch v := v.(type) {
		case string:
			a.text(pgtype.TextOID, v)
		case int:
			a.int4(int32(v)) //nolint:gosec // counters, all far below
		case int32:
			a.int4(v)
		case int64:
			a.int8(pgtype.Int8OID, v)
		case bool:
			a.bool(v)
		case [16]byte:
			a.bytes(pgtype.UUIDOID, v[:])
		case []byte:
			a.bytes(pgtype.ByteaOID, v)
		case time.Time:
			a.int8(pgtype.TimestamptzOID, microseconds(v))
		case moment:
			a.moment(v)
		default:
			panic("persistence: column " + strconv.Itoa(i+1) + " holds a value of no known type")
		}
	}
}

// queue adds the statement, unless there are no rows for it.
func (c *columns) queue(batch *pgx.Batch, name string) {
	if c.rows > 0 {
		batch.Queue(sql(name), c.cells()...)
	}
}

// cells are the arrays as a statement's arguments.
func (c *columns) cells() []any {
	cells := make([]any, len(c.arrays))
	for i := range c.arrays {
		cells[i] = &c.arrays[i]
	}
	return cells
}

// keptBytesMax bounds what a column keeps for the next round: what a round's largest
// one, 128 bodies of 2 KiB, needs.
const keptBytesMax = 256 << 10

// reset forgets the rows, and keeps their memory.
func (c *columns) reset() {
	c.rows = 0
	for i := range c.arrays {
		a := &c.arrays[i]
		if a.elements, a.nulls, a.buf = 0, false, a.buf[:0]; cap(a.buf) > keptBytesMax {
			a.buf = nil
		}
	}
}

// array is a one-dimensional array in PostgreSQL's binary format: a header of five
// 32-bit words, then each element's length and bytes, a NULL's length being −1
// (PostgreSQL source, array_send and array_recv).
type array struct {
	of       uint32 // the OID of its elements' type
	elements int
	nulls    bool
	buf      []byte // the elements
}

// begin fixes the type of the elements, or makes sure of it.
func (a *array) begin(of uint32) {
	if a.elements == 0 {
		a.of = of
	}
	if a.of != of {
		panic("persistence: a column changes its type from row to row")
	}
	a.elements++
}

func (a *array) length(n int) { a.buf = binary.BigEndian.AppendUint32(a.buf, uint32(n)) } //nolint:gosec // bodies have a bound

func (a *array) text(of uint32, s string) {
	a.begin(of)
	a.length(len(s))
	a.buf = append(a.buf, s...)
}

func (a *array) bytes(of uint32, b []byte) {
	a.begin(of)
	if b == nil {
		a.null()
		return
	}
	a.length(len(b))
	a.buf = append(a.buf, b...)
}

func (a *array) int4(v int32) {
	a.begin(pgtype.Int4OID)
	a.length(4)
	a.buf = binary.BigEndian.AppendUint32(a.buf, uint32(v)) //nolint:gosec // its bits
}

func (a *array) int8(of uint32, v int64) {
	a.begin(of)
	a.length(8)
	a.buf = binary.BigEndian.AppendUint64(a.buf, uint64(v)) //nolint:gosec // its bits
}

func (a *array) bool(v bool) {
	a.begin(pgtype.BoolOID)
	a.length(1)
	if v {
		a.buf = append(a.buf, 1)
	} else {
		a.buf = append(a.buf, 0)
	}
}

func (a *array) moment(m moment) {
	if m.IsZero() {
		a.begin(pgtype.TimestamptzOID)
		a.null()
		return
	}
	a.int8(pgtype.TimestamptzOID, microseconds(m.Time))
}

func (a *array) null() {
	a.nulls = true
	a.buf = append(a.buf, 0xff, 0xff, 0xff, 0xff)
}

// appendTo writes the whole array.
func (a *array) appendTo(out []byte) []byte {
	var hasNulls uint32
	if a.nulls {
		hasNulls = 1
	}
	for _, word := range [5]uint32{1, hasNulls, a.of, uint32(a.elements), 1} { //nolint:gosec // rows of a round
		out = binary.BigEndian.AppendUint32(out, word)
	}
	return append(out, a.buf...)
}

// ready lets a codec of arrays pass on what is one already.
type ready struct{ pgtype.Codec }

// PlanEncode is pgtype's.
func (r ready) PlanEncode(m *pgtype.Map, oid uint32, format int16, value any) pgtype.EncodePlan {
	if _, is := value.(*array); is {
		if format != pgtype.BinaryFormatCode {
			return nil
		}
		return asItIs{}
	}
	return r.Codec.PlanEncode(m, oid, format, value)
}

// asItIs is the plan for an array that needs no encoding.
type asItIs struct{}

// Encode is pgtype's.
func (asItIs) Encode(value any, out []byte) ([]byte, error) {
	return value.(*array).appendTo(out), nil //nolint:forcetypeassert // it is planned for nothing else
}

// takeArrays teaches a connection to take columns.
func takeArrays(types *pgtype.Map) {
	for _, oid := range []uint32{
		pgtype.TextArrayOID, pgtype.Int4ArrayOID, pgtype.Int8ArrayOID, pgtype.BoolArrayOID, pgtype.UUIDArrayOID, pgtype.ByteaArrayOID,
		pgtype.TimestamptzArrayOID,
	} {
		if t, known := types.TypeForOID(oid); known {
			types.RegisterType(&pgtype.Type{Name: t.Name, OID: oid, Codec: ready{t.Codec}})
		}
	}
}
