/** What the page says, in Chinese. */

import type { Words } from './index.ts'

export const zh: Words = {
  common: {
    menu: '页面',
    skip: '跳到内容',
    loading: '正在加载…',
    again: '重试',
    cancel: '取消',
    close: '关闭',
    language: '语言',
    theme: '主题',
    themes: { system: '跟随系统', light: '浅色', dark: '深色' },
    more: count => `显示更多（还有 ${count} 项）`,
    offline: '节点没有响应。页面会自动重新连接。'
  },
  screens: {
    home: '首页',
    mesh: '网络',
    models: '模型',
    chat: '对话',
    playground: '试验场',
    requests: '请求',
    memory: '记忆',
    events: '事件',
    people: '成员与密钥',
    doctor: '诊断',
    settings: '设置'
  },
  signIn: {
    title: '此浏览器尚未获准访问',
    how: '在运行该节点的设备上输入：',
    token: '或粘贴该节点的令牌',
    refused: '节点不接受此令牌。',
    enter: '允许此浏览器访问'
  },
  home: {
    devices: count => `${count} 台设备`
  },
  mesh: {
    count: (online, all) => `${online} / ${all} 台设备在线`,
    picture: (online, all) => `网络：共 ${all} 台设备，其中 ${online} 台已连接。下方有表格。`,
    asTable: '表格视图',
    asPicture: '图形视图',
    invite: '添加设备',
    name: '名称',
    state: '状态',
    role: '角色',
    roles: { admin: '管理员', member: '成员', edge: '边缘设备', guest: '访客' },
    path: '路径',
    direct: '直连',
    relayed: '经其他设备中转',
    roundTrip: '往返时间',
    models: '模型',
    software: '版本',
    self: '本设备',
    online: '已连接',
    offline: '离线',
    duplicated: '密钥被重复使用'
  },
  device: {
    unknown: '网络中没有这台设备。',
    place: '在网络中的位置',
    hardware: '硬件',
    processor: '处理器',
    cores: count => `${count} 核`,
    memory: '内存',
    system: '系统',
    accelerators: '加速器',
    up: time => `已运行 ${time}`,
    requests: '请求',
    waiting: count => `${count} 个等待中`,
    yielding: '目前把处理器让给使用者。',
    load: '负载',
    busy: '处理器',
    history: '最近几分钟的负载',
    of: all => `共 ${all}`,
    temperature: '温度',
    power: '功率',
    offers: '提供的模型',
    offersNothing: '未提供模型。',
    warm: '已加载',
    cold: '未加载',
    slots: count => `${count} 个槽位`
  },
  models: {},
  chat: {},
  playground: {},
  requests: {},
  memory: {},
  events: {},
  people: {},
  doctor: {},
  settings: {}
}
