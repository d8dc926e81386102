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
  mesh: {},
  device: {},
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
