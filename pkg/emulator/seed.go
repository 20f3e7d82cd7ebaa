// SPDX-License-Identifier: GPL-3.0-or-later

package emulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// DecodeSeed reads the one JSON object of a seed file. Unknown fields are errors; numbers stay as they are written.
func DecodeSeed(data []byte, file any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	decoder.UseNumber()
	if err := decoder.Decode(file); err != nil {
		return fmt.Errorf("seed: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("seed: the file must hold one JSON object, nothing after it")
	}
	return nil
}
