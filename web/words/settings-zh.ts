/** What each setting is for, in Chinese. The schema of the settings says it in English; a test compares both. */

export const SETTINGS_ZH: Readonly<Record<string, string>> = {
  name: '本设备在网络中的名称。',
  'mesh.name': '本设备首次启动时所建网络的名称。',
  'swarm.host': '监听的地址。`::` 表示所有地址（包括 IPv4），`0.0.0.0` 表示所有 IPv4 地址。',
  'swarm.port': '供对等设备连接的端口；0 表示任一空闲端口。',
  'swarm.mdns': '在本地网络中寻找对等设备。',
  'swarm.dht': '通过其他成员查找成员的地址。',
  'swarm.peers': '启动时要连接的 multiaddr 地址。',
  'swarm.announce': '其他设备经由指向本节点的路由器访问它时所用的地址。',
  'keys.passphraseFile':
    '存放本节点密钥口令的文件，口令单独占一行。它用于打开受保护的密钥，此后新建的密钥也会受它保护。未设置时，`start` 会在终端中询问。',
  'gateway.host': '监听的地址。除回环地址外都需要设置 `hosts`；经此传输的内容不加密。',
  'gateway.port': '供程序连接的端口；0 表示任一空闲端口。',
  'gateway.hosts':
    '其他设备对本设备的称呼（`den.lan`、`192.168.1.2`），不含端口。只有当请求的 Host 与其中之一加网关端口逐字符相同，或为回环地址时，请求才会得到回答：未列在这里的名称可能属于某个网页。',
  'gateway.origins':
    '允许其网页在浏览器中凭令牌使用 `/v1` 的来源，例如 `https://chat.example` 或 `chrome-extension://…`。其他来源的网页一律拒绝。',
  'gateway.aliases':
    '模型的别名，供请求某家厂商模型的程序使用：`{ "claude-*": "qwen3:8b" }`。以 `*` 结尾的名称匹配所有以此开头的名称；若有多个匹配，取最长的。只有本设备上的程序使用别名。',
  'grpc.enabled': '接受 gRPC 调用，使用 TLS 和本节点的证书：`lumos-node exec gateway.grpc`。',
  'grpc.host': '监听的地址。除回环地址外都需要设置 `gateway.hosts`。',
  'grpc.port': '供使用 gRPC 的程序连接的端口；0 表示任一空闲端口。',
  'models.builtin':
    '提供节点自带的演示模型：它们不会提供给其他设备，只有在没有设备提供同名模型时才会被使用。',
  'models.directories': '另外要提供的模型仓库。',
  'models.memoryMax':
    '所有已加载的模型合计可占用的内存，例如 `8GB`，或本设备内存的 `50%`。其余部分留给使用者的程序和系统的文件缓存。',
  'models.keepAlive': '模型闲置多久后卸载：`5m`、`1h`，或以秒为单位的数字；0 表示立即卸载，-1 表示永不卸载。',
  'models.warm': '启动时加载的模型。',
  'models.pinned': '启动时加载并一直保留的模型：不会为了其他模型而卸载。',
  access:
    '每个模型提供给谁：按角色，或列出对等设备（PeerId，或其在网络中的名称）。名称指的是请求发出时使用该名称的成员，即使最初的那台已被移除；PeerId 则只指一台设备：`{ "llama3.3:70b": { roles: [admin], peers: [den] } }`。未列出的模型提供给所有成员。',
  'engines.echo': '提供模型 `echo`，它会原样重复所问的内容。',
  'engines.directory':
    '引擎的安装位置，多个主目录可以共用。默认是主目录中的 `engines`；root 用户则是 `/var/lib/lumos-node/engines`，因为其引擎可能以无法进入主目录的用户身份运行。',
  'engines.registry': '安装引擎所用的 npm 仓库。引擎的哈希值已包含在本软件包中。',
  'engines.discover':
    '提供本设备上运行的 Ollama、LM Studio、llama.cpp 和 vLLM 的模型，按它们通常监听的端口查找；对于 Ollama 和 LM Studio，还会查找其后一个端口：`lumos-node adopt` 接管原端口后，它们会移到那里。',
  'engines.servers':
    '另外使用 OpenAI HTTP 协议的服务器，各有名称：`{ attic: { url: "http://192.168.1.9:8000" } }`。密钥放在 `keyFile` 中，或放在 `keyVariable` 所指的环境变量中。`models` 列出要提供哪些模型；未设置则全部提供。发给带有 `leavesMesh` 的服务器的内容会离开网络；地址不是私有地址时，默认就是如此。这类模型只回答指名要它的请求，并且只有在 `access` 允许时才提供给其他设备。',
  'engines.external':
    '本设备上充当引擎的程序，各有名称：`{ speak: { command: /usr/bin/python3, args: [~/speak.py], tasks: [text-to-speech] } }`。没有 `runtime` 的程序就是同名的模型；带有 `runtime: torch`、`rknn` 或 `external` 的程序会打开指明它的模型文件夹；`rknn` 需要 `device`。命令只取自这里，绝不取自模型。除搜索路径外，程序只能得到 `env` 中的变量：它会与设置一起显示，因此不要在其中放密码。`read` 列出沙箱允许它读取的内容，`gpu` 则加入图形处理器和神经网络处理器。',
  'routing.policy':
    '请求如何选择设备：`balanced`、`fastest`、`local-first`、`cheapest`（先选不离开网络的，再选无需唤醒的，再选足够快的最小设备），或 `greenest`（无需唤醒、不用电池、无需加载模型，再选测得每个词元能耗最低的，再选最小的设备）。',
  'serving.yield':
    '本设备是否让位给使用者。`auto`：当其他程序需要处理器或内存，或电池电量低时，其他设备的请求会转往别处，引擎的优先级也会降低。本设备自己的请求照常回答。',
  'log.level': '日志文件所记录消息的最低级别。',
  'weights.directory': '权重的存放位置，例如一块更大的磁盘。默认是主目录中的 `weights`。',
  'weights.diskMax': '权重可占用的空间，例如 `200GB`，或磁盘的 `50%`。默认为磁盘的可用空间。',
  'weights.copies.take': '为网络中需要更多副本的模型保存副本。磁盘的五分之一会保持空闲。',
  'weights.copies.grace':
    '持有副本的设备离开这么久后视为已失去，由另一台设备再做一份副本。所有设备应使用相同的值。',
  'weights.origins.hf': 'Hugging Face 或其镜像。此项为默认值时，环境变量 `HF_ENDPOINT` 有效。',
  'weights.origins.hfTokenFile':
    '存放 Hugging Face 令牌的文件，令牌单独占一行。未设置时，环境变量 `HF_TOKEN` 有效。',
  'weights.origins.ms': 'ModelScope（魔搭）。',
  'weights.origins.msTokenFile': '存放 ModelScope 令牌的文件，令牌单独占一行。',
  'weights.origins.ollama': 'Ollama 的模型仓库。',
  'weights.public.models':
    '互联网上任何对等设备（无论是否成员）都可以通过 Bitswap 获取其权重的模型。列表为空时，不会为它们监听。',
  'weights.public.host': '为这类对等设备监听的地址。`::` 表示所有地址（包括 IPv4）。',
  'weights.public.port': '供这类对等设备连接的端口；0 表示任一空闲端口。',
  services:
    '各有名称的服务，每个都有其模型（`model`、`runtime`，以及 `rknn_device`、`dataset`、`source`、`devices`、`batch_size`、`optimization`）、`enabled`、`default_model` 和 `env`；也可以是已知名称的列表，例如 `[clip, chat]`。参见 `docs/services.md`。`lumos-node init` 会写入它们。',
  'memory.spaceMax': '一个空间在本设备上可占用的大小，例如 `500MB`。',
  'memory.searchModel':
    '为 `memory search` 生成向量的模型，用于按含义查找。未设置时，使用本设备已有的模型，或有权读取该空间的设备的模型。',
  'answers.keep': '回答在最后一个片段之后还能重新读取多久，例如 `10m`；0 表示不在磁盘上保留。',
  'answers.diskMax': '保留的回答可占用的磁盘空间：本设备所提问题的回答，以及同样大小的本设备给出的回答。',
  'wake.allow': '成员可以在本设备休眠时将其唤醒：本设备会把网卡的硬件地址告知它们。',
  'mcp.servers':
    '各有名称的 MCP 服务器，每个带有 `command`、`args` 和 `env`，或带有 `url` 和 `tokenFile` 或 `oauth`；还有 `timeoutMs`；以及 `offer`（格式与 `access` 相同）：其工具还对网络中的谁开放。未设置时，只供本设备使用。参见 `docs/mcp.md`。',
  'journal.days': '事件可以查询多少天：一周足以了解周末发生的事。0 表示不把事件写入磁盘。',
  'journal.eventsMax':
    '磁盘上保留的事件数量；这么多事件约占 20 MB。超出时，数量最多的那类事件会丢弃最早的记录。'
}
