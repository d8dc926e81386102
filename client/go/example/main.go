// Asks a model of the mesh, and prints its answer as it comes:
//
//	LUMOS_TOKEN=$(lumos-node token create go) go run ./example MODEL "hello there"
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"

	lumos "lumos-node/client"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: example MODEL QUESTION")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	url := os.Getenv("LUMOS_URL")
	if url == "" {
		url = "http://127.0.0.1:5866"
	}
	client := &lumos.Client{URL: url, Token: os.Getenv("LUMOS_TOKEN")}
	input := map[string]any{
		"model":    os.Args[1],
		"messages": []map[string]string{{"role": "user", "content": os.Args[2]}},
	}
	err := client.Stream(ctx, "inference.chat", input, func(piece json.RawMessage) error {
		var text struct{ Text string }
		if err := json.Unmarshal(piece, &text); err != nil {
			return err
		}
		fmt.Print(text.Text)
		return nil
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println()
}
