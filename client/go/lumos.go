// Package lumos calls the units of a lumos-node over its gateway, with the standard library alone.
package lumos

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// lineBytesMax bounds one line of a stream: an item of the largest answer is base64 of 64 MiB.
const lineBytesMax = 88 << 20

// Client is a node behind its gateway.
type Client struct {
	// URL of the gateway, such as http://127.0.0.1:5866.
	URL string
	// Token of `lumos-node token create NAME`.
	Token string
	// HTTP is http.DefaultClient where it is nil.
	HTTP *http.Client
}

// Error is what the node answers in place of data. Branch on Code.
type Error struct {
	Code      string          `json:"code"`
	Message   string          `json:"message"`
	Hint      string          `json:"hint"`
	Retryable bool            `json:"retryable"`
	Details   json.RawMessage `json:"details"`
}

func (e *Error) Error() string {
	return strings.TrimSpace(fmt.Sprintf("%s: %s %s", e.Code, e.Message, e.Hint))
}

// ErrInterrupted means that the connection ended before the answer did.
var ErrInterrupted = errors.New("the connection to the node ended in the middle of its answer")

type envelope struct {
	Data  json.RawMessage `json:"data"`
	Error *Error          `json:"error"`
}

// Execute runs a unit and reads its answer into output, which may be nil.
func (c *Client) Execute(ctx context.Context, unit string, input, output any) error {
	response, err := c.post(ctx, "/api/v2/execute", unit, input)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	data, err := readEnvelope(response)
	if err != nil || output == nil {
		return err
	}
	return json.Unmarshal(data, output)
}

// Stream runs a unit and gives each piece of its answer to onPiece. An error of onPiece ends the work, as ctx does.
func (c *Client) Stream(ctx context.Context, unit string, input any, onPiece func(json.RawMessage) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	response, err := c.post(ctx, "/api/v2/stream", unit, input)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		_, err := readEnvelope(response)
		return err
	}

	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, lineBytesMax)
	event, data := "", ""
	for lines.Scan() {
		line := lines.Text()
		if line == "" {
			if data == "" {
				continue
			}
			if isLast, err := take(event, data, onPiece); isLast || err != nil {
				return err
			}
			event, data = "", ""
			continue
		}
		// A comment has no name.
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch name {
		case "event":
			event = value
		case "data":
			data += value
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return ErrInterrupted
}

func take(event, data string, onPiece func(json.RawMessage) error) (isLast bool, err error) {
	switch event {
	case "item":
		return false, onPiece(json.RawMessage(data))
	case "end":
		return true, nil
	case "error":
		var body envelope
		if err := json.Unmarshal([]byte(data), &body); err != nil || body.Error == nil {
			return true, ErrInterrupted
		}
		return true, body.Error
	}
	return false, nil
}

func (c *Client) post(ctx context.Context, path, unit string, input any) (*http.Response, error) {
	body, err := json.Marshal(map[string]any{"unit": unit, "input": input})
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimRight(c.URL, "/")+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("content-type", "application/json")
	if c.Token != "" {
		request.Header.Set("authorization", "Bearer "+c.Token)
	}
	client := http.Client{}
	if c.HTTP != nil {
		client = *c.HTTP
	}
	// A node redirects nothing: what does is another program, which must not be sent the input.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return client.Do(request)
}

func readEnvelope(response *http.Response) (json.RawMessage, error) {
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	var body envelope
	if err := json.Unmarshal(text, &body); err != nil {
		return nil, fmt.Errorf("the answer with status %d is not one of a lumos-node", response.StatusCode)
	}
	if body.Error != nil {
		return nil, body.Error
	}
	return body.Data, nil
}
