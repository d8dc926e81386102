/** Where the files of the page are: any program of this device gets them, without a token. */
export const PAGE_PATHS = /^\/(?:$|app-[\w-]{1,64}\.(?:js|css)$|worker\.js$|icon\.svg$|app\.webmanifest$)/
