# The server in a small image that runs as nobody in particular.
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY . .
RUN npm run build && npm prune --omit=dev --ignore-scripts

FROM node:24-bookworm-slim
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8000 PAYGENT_DATA_DIR=/data
WORKDIR /app
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY --from=build /app/package.json package.json
RUN install -d -o node -g node -m 700 /data
USER node
VOLUME /data
EXPOSE 8000
# Node itself gets SIGTERM, so that the server drains.
ENTRYPOINT ["node", "dist/cli/main.js"]
CMD ["start", "--json"]
