/** Where the files of the page are: whoever asks from here gets them, without a token. */
export const PAGE_PATHS = /^\/(?:$|app-[\w-]{1,64}\.(?:js|css)$|worker\.js$|icon\.svg$|app\.webmanifest$)/
