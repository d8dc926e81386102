module lumos-node/client

go 1.19
